/** Names of Python's functions files and of their archives. */
export const SOURCE_ENDINGS = ['.py'];
export const FUNCTIONS_FILES = ['functions.py'];
export const BUNDLE_ENDING = '.pyz';
