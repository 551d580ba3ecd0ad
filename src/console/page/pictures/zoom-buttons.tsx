import { ZOOM_STEP, type Zoom } from './use-zoom';

/** For those who have neither a wheel nor keys. */
export function ZoomButtons({ zoom: { view, zoom, all, isWhole } }: { zoom: Zoom }) {
  const middle = (view[0] + view[1]) / 2;
  return (
    <span class="zoom">
      <button type="button" class="quiet" title="Zoom in (+)" onClick={() => zoom(middle, 1 / ZOOM_STEP)}>
        +
      </button>
      <button
        type="button"
        class="quiet"
        title="Zoom out (-)"
        disabled={isWhole}
        onClick={() => zoom(middle, ZOOM_STEP)}
      >
        −
      </button>
      <button type="button" class="quiet" title="Show all (0)" disabled={isWhole} onClick={all}>
        all
      </button>
    </span>
  );
}
