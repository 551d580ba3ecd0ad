import { calendarFeatures, gradientBoostedTrees } from 'partwise/models';

export const trees = gradientBoostedTrees({
  name: 'trees',
  label: 'HOURLY_TRAFFIC',
  features: ['hour', 'weekday', 'day_of_year'],
  derive: ({ EPOCH }) => ({ ...calendarFeatures(new Date(Number(EPOCH) * 1000)) }),
  atLeast: 0,
});
