/**
 * `partwise/models`: a ready learner and what goes with it. Apart from `partwise`, so that those who bring their own load none of it.
 */
export { calendarFeatures, type CalendarFeatures } from './models/calendar';
export { gradientBoostedTrees, type TreesOptions } from './models/gradient-boosted-trees';
export { forecastPicture, type ForecastPicture } from './models/picture';
