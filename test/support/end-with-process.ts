/**
 * A Temporal server is in a group of its own, where Ctrl-C does not reach it: it is ended with the process
 * that uses it.
 */
export function endWithProcess(server: { pid: number | null }): void {
  process.once('exit', () => {
    try {
      if (server.pid !== null) process.kill(server.pid, 'SIGTERM');
    } catch {
      // It has ended before.
    }
  });
  process.once('SIGINT', () => process.exit(130));
  process.once('SIGTERM', () => process.exit(143));
}
