import { render } from 'preact';
import './app.css';
import { App } from './app';
import { takeToken } from './session';
import { applyTheme } from './theme';

takeToken();
applyTheme();
render(<App />, document.getElementById('app')!);
