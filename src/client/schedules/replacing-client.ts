import { ScheduleClient, type CreateScheduleInput, type CreateScheduleOutput } from '@temporalio/client';

/**
 * Its `create` replaces the schedule of that id. The SDK's own update keeps a schedule's headers, of which one
 * proves the input that it had; this way, the client's interceptors make them for the new input.
 */
export class ReplacingScheduleClient extends ScheduleClient {
  protected override async _createScheduleHandler({
    options,
    headers,
  }: CreateScheduleInput): Promise<CreateScheduleOutput> {
    await this._updateSchedule(options.scheduleId, { ...options, state: options.state ?? {} }, headers);
    return { conflictToken: new Uint8Array() };
  }
}
