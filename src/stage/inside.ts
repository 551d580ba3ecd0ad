/** Throws if a path leads outside the stage's root. */
export function assertInside(path: string, uri: string): void {
  // enforces I6
  if (
    path.startsWith('/') ||
    path.split('/').some((part) => part === '..' || part === '.') ||
    path.includes('\0')
  )
    throw new Error(`The path "${path}" leads outside the stage ${uri}.`);
}
