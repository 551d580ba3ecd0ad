import { ScheduleClient, type CreateScheduleInput, type CreateScheduleOutput } from '@temporalio/client';

/**
 * Its `create` replaces the schedule of that id. The SDK's own update would keep the old headers, one of
 * which proves its previous input; this way, the client's interceptors make them for the new input.
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
