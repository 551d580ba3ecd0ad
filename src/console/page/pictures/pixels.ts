/** Paints a whole canvas pixel by pixel; `paint` gets them in the colour of the surface. */
export function paintPixels(
  context: CanvasRenderingContext2D,
  surface: number,
  paint: (pixels: Uint32Array) => void,
): void {
  const image = context.createImageData(context.canvas.width, context.canvas.height);
  const pixels = new Uint32Array(image.data.buffer);
  pixels.fill(surface);
  paint(pixels);
  context.putImageData(image, 0, 0);
}
