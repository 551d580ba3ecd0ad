/** Temporal's runtime, of which a process has one: the place where metrics are collected. */
import { IllegalStateError, type MetricMeter } from '@temporalio/common';
import { DefaultLogger, Runtime, type RuntimeOptions } from '@temporalio/worker';
import { HISTOGRAM_BUCKETS } from '../activities/metrics';

/**
 * `metrics`: address of an endpoint for Prometheus, a port of the loopback interface or `HOST:PORT`. A
 * program that has installed its own runtime keeps it, with its own telemetry. Throws a sentence when the
 * address cannot be had.
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
        `Metrics cannot be served at ${bindAddress(metrics)} (${(error as Error).message}): name a port that is free, as 9464 or HOST:PORT.`,
      );
    }
  }
  return Runtime.instance().metricMeter;
}

/** Warnings of the SDK, but for one: the worker of units has no workflows, on purpose. */
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

/** Whoever wants others to see them says so. */
function bindAddress(metrics: string): string {
  return /^\d+$/.test(metrics) ? `127.0.0.1:${metrics}` : metrics;
}
