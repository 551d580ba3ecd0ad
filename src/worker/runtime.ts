/** Temporal's runtime, a singleton per process, which collects the metrics. */
import { IllegalStateError, type MetricMeter } from '@temporalio/common';
import { DefaultLogger, Runtime, type LogEntry, type Logger, type RuntimeOptions } from '@temporalio/worker';
import { HISTOGRAM_BUCKETS } from '../activities/metrics';

/** Receives a warning or an error of Temporal's SDK. */
export type OnSdkLog = (entry: LogEntry) => void;

/**
 * `metrics` is the address of an endpoint for Prometheus: a loopback port or `HOST:PORT`. `onSdkLog` null:
 * the SDK's messages are printed to standard error. If the program has installed its own runtime, that one is
 * kept, with its own telemetry and logger. Throws an error with an explanation if the address cannot be used.
 */
export function installRuntime(
  metrics: string | null,
  onSdkLog: OnSdkLog | null,
): { metricMeter: MetricMeter; logger: Logger } {
  try {
    Runtime.install({
      logger: sdkLogger(onSdkLog),
      shutdownSignals: [],
      telemetryOptions: {
        // The SDK's native part would print to standard output.
        logging: { forward: {} },
        ...(metrics !== null && { metrics: prometheusAt(metrics) }),
      },
    });
  } catch (error) {
    if (!(error instanceof IllegalStateError)) {
      if (metrics === null) throw error;
      throw new Error(
        `Metrics cannot be served at ${bindAddress(metrics)} (${(error as Error).message}): use a free port, as 9464 or HOST:PORT.`,
      );
    }
  }
  return Runtime.instance();
}

/** Logs the SDK's warnings except one: the worker for units has no workflows on purpose. */
function sdkLogger(onSdkLog: OnSdkLog | null): Logger {
  const printing = new DefaultLogger('WARN');
  return new DefaultLogger('WARN', (entry) => {
    const { level, message, meta } = entry;
    if (message.startsWith('No workflows registered')) return;
    if (onSdkLog === null) printing.log(level, message, meta);
    else onSdkLog(entry);
  });
}

function prometheusAt(metrics: string): NonNullable<RuntimeOptions['telemetryOptions']>['metrics'] {
  return { prometheus: { bindAddress: bindAddress(metrics), histogramBucketOverrides: HISTOGRAM_BUCKETS } };
}

/** Binds to loopback unless a host is given. */
function bindAddress(metrics: string): string {
  return /^\d+$/.test(metrics) ? `127.0.0.1:${metrics}` : metrics;
}
