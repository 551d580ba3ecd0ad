/** What axe-core and a narrow screen say about a page that is open. */
import { expect } from '@jest/globals';
import axe from 'axe-core';
import type { Page } from 'playwright-core';
import { LONG } from './long';

export const WIDE = { width: 1280, height: 800 };
const NARROW = { width: 390, height: 800 };

/** `npm run test:long` tries every theme at every width; `npm test` each theme and each width. */
export function viewportsOf(theme: 'light' | 'dark'): (typeof WIDE)[] {
  if (LONG) return [WIDE, NARROW];
  return theme === 'light' ? [WIDE] : [NARROW];
}

/** Fails for violations and for content beyond the screen's width. */
export async function audit(page: Page): Promise<void> {
  const { width } = page.viewportSize()!;
  await page.evaluate(axe.source);
  const violations = (await page.evaluate(
    'axe.run(document, { resultTypes: ["violations"] }).then(({ violations }) => violations.map(({ id, nodes }) => ({ id, nodes: nodes.map(({ html, failureSummary }) => html + failureSummary) })))',
  )) as unknown[];
  expect({ width, violations }).toEqual({ width, violations: [] });
  const beyond = await page.evaluate(
    'document.documentElement.scrollWidth - document.documentElement.clientWidth',
  );
  expect({ width, beyond }).toEqual({ width, beyond: 0 });
}
