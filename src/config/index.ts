export { type Notifier } from './define';
export { ConfigError } from './problems';
export { loadConfig, type ConfigFlags, type ProjectConfig } from './resolve';
