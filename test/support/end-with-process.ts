/**
 * A Temporal server has its own process group, which Ctrl-C does not reach: it is ended with the process that
 * uses it.
 */
export function endWithProcess(server: { pid: number | null }): void {
  process.once('exit', () => {
    try {
      if (server.pid !== null) process.kill(server.pid, 'SIGTERM');
    } catch {
      // It has already exited.
    }
  });
  process.once('SIGINT', () => process.exit(130));
  process.once('SIGTERM', () => process.exit(143));
}
