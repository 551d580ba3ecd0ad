/** `node download-main.js FOLDER`: makes the SDK download its Temporal CLI into the folder. */
import { TestWorkflowEnvironment } from '@temporalio/testing';
import { errorText } from '../problems';

async function main(): Promise<void> {
  const environment = await TestWorkflowEnvironment.createLocal({
    server: { executable: { type: 'cached-download', downloadDir: process.argv[2] } },
  });
  await environment.teardown();
}

main().catch((error: unknown) => {
  process.stderr.write(`\n${errorText(error).replaceAll('\n', ' ')}\n`);
  process.exitCode = 1;
});
