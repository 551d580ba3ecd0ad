/** Temporal's runtime, a singleton per process, which collects the metrics. */
import { IllegalStateError, type MetricMeter } from '@temporalio/common';
import { DefaultLogger, Runtime, type RuntimeOptions } from '@temporalio/worker';
import { HISTOGRAM_BUCKETS } from '../activities/metrics';

/**
 * `metrics` is the address of an endpoint for Prometheus: a loopback port or `HOST:PORT`. If the program has
 * installed its own runtime, that one is kept, with its own telemetry. Throws an error with an explanation if
 * the address cannot be used.
 */
export function installRuntime(metrics: string | null): MetricMeter {
  try {
    Runtime.install({
      logger: logger(),
      shutdownSignals: [],
      ...(metrics !== null && { telemetryOptions: telemetryOf(metrics) }),
    });
  } catch (error) {
    if (!(error instanceof IllegalStateError)) {
      if (metrics === null) throw error;
      throw new Error(
        `Metrics cannot be served at ${bindAddress(metrics)} (${(error as Error).message}): use a free port, as 9464 or HOST:PORT.`,
      );
    }
  }
  return Runtime.instance().metricMeter;
}

/** Logs the SDK's warnings except one: the worker for units has no workflows on purpose. */
function logger(): DefaultLogger {
  const warnings = new DefaultLogger('WARN');
  return new DefaultLogger('WARN', ({ level, message, meta }) => {
    if (!message.startsWith('No workflows registered')) warnings.log(level, message, meta);
  });
}

function telemetryOf(metrics: string): RuntimeOptions['telemetryOptions'] {
  const prometheus = { bindAddress: bindAddress(metrics), histogramBucketOverrides: HISTOGRAM_BUCKETS };
  return { metrics: { prometheus } };
}

/** Binds to loopback unless a host is given. */
function bindAddress(metrics: string): string {
  return /^\d+$/.test(metrics) ? `127.0.0.1:${metrics}` : metrics;
}
