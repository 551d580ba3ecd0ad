/**
 * Sends OpenTelemetry spans of workflows and activities to a collector. Loaded only by workers with tracing.
 */
import { join } from 'node:path';
import { OTLPTraceExporter } from '@opentelemetry/exporter-trace-otlp-http';
import { Resource } from '@opentelemetry/resources';
import {
  BatchSpanProcessor,
  NodeTracerProvider,
  type ReadableSpan,
  type SpanExporter,
} from '@opentelemetry/sdk-trace-node';
import { OpenTelemetryPlugin } from '@temporalio/interceptors-opentelemetry';
import { bundleWorkflowCode, type Logger, type WorkerOptions } from '@temporalio/worker';

export interface Tracing {
  /** For Temporal's workers: the SDK's own plugin, and the workflow code with its interceptors. */
  options: Pick<WorkerOptions, 'plugins' | 'workflowBundle'>;
  /** Sends the remaining spans. */
  close(): Promise<void>;
}

/**
 * `url` is a collector that accepts OTLP over HTTP, such as `http://127.0.0.1:4318/v1/traces`. Takes a few
 * seconds if workflow code must be bundled.
 */
export async function startTracing(
  url: string,
  { hasWorkflows, logger }: { hasWorkflows: boolean; logger: Logger },
): Promise<Tracing> {
  const resource = new Resource({ 'service.name': 'partwise' });
  const spanProcessor = new BatchSpanProcessor(withoutMessages(new OTLPTraceExporter({ url })));
  const provider = new NodeTracerProvider({ resource, spanProcessors: [spanProcessor] });
  provider.register();
  const plugin = new OpenTelemetryPlugin({ resource, spanProcessor, tracer: provider.getTracer('partwise') });
  const close = (): Promise<void> => provider.shutdown();
  if (!hasWorkflows) return { options: { plugins: [plugin] }, close };
  const workflows = join(__dirname, '..', 'workflows');
  // Few workers use tracing, so the shipped bundle does not include it; this one adds the plugin's
  // interceptors.
  const workflowBundle = await bundleWorkflowCode({
    workflowsPath: join(workflows, 'index.js'),
    payloadConverterPath: join(workflows, 'payload-converter.js'),
    failureConverterPath: join(workflows, 'failure-converter.js'),
    workflowInterceptorModules: [join(workflows, 'interceptors.js')],
    plugins: [plugin],
    logger,
  });
  return { options: { plugins: [plugin], workflowBundle }, close };
}

/** Error messages may contain keys and rows, so spans keep only the error type. */
function withoutMessages(exporter: SpanExporter): SpanExporter {
  return {
    export: (spans, done) => exporter.export(spans.map(bare), done),
    shutdown: () => exporter.shutdown(),
  };
}

function bare(span: ReadableSpan): ReadableSpan {
  const events = span.events.map(({ attributes, ...event }) => ({
    ...event,
    attributes: { 'exception.type': attributes?.['exception.type'] },
  }));
  // The memo of an ended run has the message of its error.
  const { memo: _, ...attributes } = span.attributes;
  return Object.create(span, {
    attributes: { value: attributes },
    status: { value: { code: span.status.code } },
    events: { value: events },
  }) as ReadableSpan;
}
