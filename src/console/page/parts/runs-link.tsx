import { pageAddress } from '../address';
import { file } from '../session';

/** The way back to the list of runs; nothing in a file, which has one run. */
export function RunsLink() {
  if (file !== null) return null;
  return (
    <>
      <a href={pageAddress('/')}>Runs</a> ›{' '}
    </>
  );
}
