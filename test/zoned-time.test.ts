import { expect, test } from '@jest/globals';
import { dateIn, parsePeriod, timeZoneName } from '../src/input/zoned-time';

const period = (text: string, zone: string) => {
  const found = parsePeriod(text, zone);
  return found && [found.from, found.to].map((moment) => new Date(moment).toISOString());
};

test('a day is as long as it is in its time zone', () => {
  expect(period('2026-07-01', 'UTC')).toEqual(['2026-07-01T00:00:00.000Z', '2026-07-01T23:59:59.999Z']);
  // 25 hours, as clocks are set back.
  expect(period('2026-10-25', 'Europe/Berlin')).toEqual([
    '2026-10-24T22:00:00.000Z',
    '2026-10-25T22:59:59.999Z',
  ]);
  // 23 hours, starting at one o'clock, since the clock skips midnight.
  expect(period('2018-11-04', 'America/Sao_Paulo')).toEqual([
    '2018-11-04T03:00:00.000Z',
    '2018-11-05T01:59:59.999Z',
  ]);
});

test('a wall-clock time that does not exist is shifted, and one that occurs twice means the first', () => {
  expect(period('2026-03-29T02:30', 'Europe/Berlin')![0]).toBe('2026-03-29T01:30:00.000Z');
  expect(period('2026-10-25T02:30', 'Europe/Berlin')![0]).toBe('2026-10-25T00:30:00.000Z');
});

test('an offset in the string overrides the zone', () => {
  expect(period('2026-11-01T06:00:00.250-0330', 'Asia/Tokyo')).toEqual([
    '2026-11-01T09:30:00.250Z',
    '2026-11-01T09:30:00.250Z',
  ]);
});

test.each(['', 'tomorrow', '2026-02-30', '2026-13-01', '2026-11-01T24:30', '2026-11-01T06', '2026-11-01Z'])(
  '%j is not a time',
  (text) => {
    expect(parsePeriod(text, 'UTC')).toBe(null);
  },
);

test('half past midnight in Berlin is still the day before in UTC', () => {
  const moment = Date.parse('2026-10-31T23:30:00Z');
  expect(dateIn(moment, 'Europe/Berlin')).toBe('2026-11-01');
  expect(dateIn(moment, 'UTC')).toBe('2026-10-31');
});

test('time zones have IANA names', () => {
  expect(['europe/berlin', 'Asia/Kolkata', 'utc'].map(timeZoneName)).toEqual([
    'Europe/Berlin',
    'Asia/Kolkata',
    'UTC',
  ]);
  expect(['Mars/Olympus', '+01:00', ''].map(timeZoneName)).toEqual([null, null, null]);
});
