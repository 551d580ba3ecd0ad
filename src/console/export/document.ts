/** One HTML file with the page and its data, which opens without a server or a network. */
import { createHash } from 'node:crypto';
import { DATA_ID } from '../wire/export';
import { readPageFile } from '../page-files';

/**
 * `contents` is base64, so nothing in it can end the element that it is in. The page may load nothing at all;
 * only its own script and styles run, which are named by their hashes.
 */
export function documentOf(contents: string): string {
  const script = insideElement(readPageFile('app.js').toString(), 'script');
  const style = insideElement(readPageFile('app.css').toString(), 'style');
  const policy = [
    "default-src 'none'",
    `script-src '${hashOf(script)}'`,
    `style-src '${hashOf(style)}'`,
    'img-src blob: data:',
    "connect-src 'none'",
    "base-uri 'none'",
    "form-action 'none'",
    "require-trusted-types-for 'script'",
  ].join('; ');
  return `<!doctype html>
<html lang="en">
  <head>
    <meta charset="utf-8" />
    <meta http-equiv="content-security-policy" content="${policy}" />
    <meta name="referrer" content="no-referrer" />
    <meta name="viewport" content="width=device-width, initial-scale=1" />
    <title>Partwise</title>
    <style>${style}</style>
  </head>
  <body>
    <div id="app"></div>
    <noscript>This file needs JavaScript. It loads nothing from anywhere.</noscript>
    <script type="application/octet-stream" id="${DATA_ID}">${contents}</script>
    <script type="module">${script}</script>
  </body>
</html>
`;
}

/** The bundler escapes what would end the element early; without that, the file would be broken. */
function insideElement(code: string, element: 'script' | 'style'): string {
  if (!new RegExp(`</${element}|<!--`, 'i').test(code)) return code;
  throw new Error(
    `The page's ${element} contains "</${element}" or "<!--", so it cannot be put into a file.`,
  );
}

function hashOf(code: string): string {
  return `sha256-${createHash('sha256').update(code).digest('base64')}`;
}
