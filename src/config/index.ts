export { defineConfig, type Notifier, type PartwiseConfig } from './define';
export { ConfigError } from './problems';
export { loadConfig, type ConfigFlags, type LoadConfigOptions, type ProjectConfig } from './resolve';
