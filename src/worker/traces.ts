/**
 * OpenTelemetry's spans of workflows and activities, sent to a collector. Loaded by workers that trace, and
 * by nobody else.
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
import { bundleWorkflowCode, DefaultLogger, type WorkerOptions } from '@temporalio/worker';

export interface Tracing {
  /** For Temporal's workers: the SDK's own plugin, and the workflow code with its interceptors. */
  options: Pick<WorkerOptions, 'plugins' | 'workflowBundle'>;
  /** Sends what was not sent yet. */
  close(): Promise<void>;
}

/**
 * `url`: of a collector that takes OTLP over HTTP, such as `http://127.0.0.1:4318/v1/traces`. Takes some
 * seconds where workflow code is needed.
 */
export async function startTracing(
  url: string,
  { hasWorkflows }: { hasWorkflows: boolean },
): Promise<Tracing> {
  const resource = new Resource({ 'service.name': 'partwise' });
  const spanProcessor = new BatchSpanProcessor(withoutMessages(new OTLPTraceExporter({ url })));
  const provider = new NodeTracerProvider({ resource, spanProcessors: [spanProcessor] });
  provider.register();
  const plugin = new OpenTelemetryPlugin({ resource, spanProcessor, tracer: provider.getTracer('partwise') });
  const close = (): Promise<void> => provider.shutdown();
  if (!hasWorkflows) return { options: { plugins: [plugin] }, close };
  const workflows = join(__dirname, '..', 'workflows');
  // Few workers trace, so that what ships is the code without: this is the same with the plugin's
  // interceptors.
  const workflowBundle = await bundleWorkflowCode({
    workflowsPath: join(workflows, 'index.js'),
    payloadConverterPath: join(workflows, 'payload-converter.js'),
    workflowInterceptorModules: [join(workflows, 'interceptors.js')],
    plugins: [plugin],
    logger: new DefaultLogger('WARN'),
  });
  return { options: { plugins: [plugin], workflowBundle }, close };
}

/** What functions throw may tell of keys and rows; a span names its type alone. */
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
  return Object.create(span, {
    status: { value: { code: span.status.code } },
    events: { value: events },
  }) as ReadableSpan;
}
