/**
 * The environment that a background worker was started with, to notice that a command's is another one: its
 * functions would see values that the shell no longer has.
 */
import { delimiter } from 'node:path';
import { sha256Of } from '../../files/digest';
import { SERVICES } from '../../warehouse';

/** Digests of values, by name. */
export type EnvironmentDigests = Readonly<Record<string, string>>;

/**
 * Variables that differ between terminals, sessions and ways to start a command, and those that Partwise and
 * the embedded server read themselves.
 */
const INCIDENTAL = [
  /^(_|PWD|OLDPWD|SHLVL|COLUMNS|LINES|PS\d|PROMPT.*|HIST.*|STARSHIP_.*|SECURITYSESSIONID|LC_TERMINAL.*)$/,
  /^(EDITOR|VISUAL|VIRTUAL_ENV_PROMPT|PYENV_SHELL|PYENV_VIRTUALENV_INIT|TERM|TERM_.*|TERMINAL_.*|COLORTERM|COLORFGBG|COLOR|NO_COLOR|FORCE_COLOR|CLICOLOR.*|LS_COLORS)$/,
  /^(WINDOWID|WINDOWPATH|DISPLAY|WAYLAND_.*|XDG_.*|DBUS_.*|DESKTOP_.*|GNOME_.*|GDM.*|INVOCATION_ID|JOURNAL_.*)$/,
  /^(TMUX.*|STY|SSH_.*|GPG_.*|MAIL|VSCODE_.*|ITERM_.*|KITTY_.*|ALACRITTY_.*|WEZTERM_.*|WT_.*|ZELLIJ.*)$/,
  /^(npm_.*|INIT_CWD|NODE|NODE_OPTIONS|NODE_CHANNEL_.*|JEST_.*|PARTWISE_.*|TEMPORAL_.*)$/i,
  // Those of a notebook's kernel, and what packages of Python set when a program imports them.
  /^(JPY_.*|PYDEVD_.*|MPLBACKEND|PAGER|GIT_PAGER|KMP_INIT_AT_FORK|KMP_DUPLICATE_LIB_OK|_RJEM_MALLOC_CONF)$/,
];
const OF_DRIVERS = SERVICES.flatMap(({ ownVariables }) => ownVariables);
/** Folders that npm and npx add to PATH. */
const OF_NPM = /node_modules[/\\](\.bin|npm[/\\]node_modules[/\\].*|.*node-gyp-bin)$/;

export function environmentDigests(env: NodeJS.ProcessEnv): EnvironmentDigests {
  const counted = Object.entries(env).filter(
    ([name, value]) =>
      value !== '' &&
      !INCIDENTAL.some((pattern) => pattern.test(name)) &&
      !OF_DRIVERS.some((pattern) => pattern.test(name)),
  );
  return Object.fromEntries(
    counted.map(([name, value = '']) => [
      name,
      sha256Of(name === 'PATH' ? ownPath(value) : value).slice(0, 16),
    ]),
  );
}

/** Names of the variables that differ, sorted. */
export function differingVariables(a: EnvironmentDigests, b: EnvironmentDigests): string[] {
  const names = [...new Set([...Object.keys(a), ...Object.keys(b)])];
  return names.filter((name) => a[name] !== b[name]).sort();
}

function ownPath(path: string): string {
  return path
    .split(delimiter)
    .filter((folder) => !OF_NPM.test(folder))
    .join(delimiter);
}
