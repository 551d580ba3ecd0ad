import { calendarFeatures, gradientBoostedTrees } from 'partwise/models';

export const traffic = gradientBoostedTrees({
  name: 'traffic',
  label: 'departures',
  features: ['four_weeks_ago', 'hour', 'weekday', 'month', 'day'],
  derive: ({ time_hour }) => ({ ...calendarFeatures(time_hour as Date, 'America/New_York') }),
  atLeast: 0,
});
