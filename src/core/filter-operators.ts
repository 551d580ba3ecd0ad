/** How a filter of returned rows compares a column. */
export const FILTER_OPERATORS = ['=', '!=', '<', '<=', '>', '>=', 'contains', 'isNull', 'isNotNull'] as const;
export type FilterOperator = (typeof FILTER_OPERATORS)[number];
