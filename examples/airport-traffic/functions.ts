import { calendarFeatures, gradientBoostedTrees } from 'partwise/models';

export const traffic = gradientBoostedTrees({
  name: 'traffic',
  label: 'departures',
  features: ['hour', 'weekday', 'day_of_year'],
  derive: ({ time_hour }) => ({ ...calendarFeatures(time_hour as Date, 'America/New_York') }),
  atLeast: 0,
});
