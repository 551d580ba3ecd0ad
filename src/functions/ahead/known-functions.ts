/**
 * The functions that a statement for many partitions may call. Not listed are those whose result depends on
 * more than their arguments (`random`, `now`), or on how rows are split into vectors or threads
 * (`approx_quantile`, `kahan_sum`, `entropy`).
 */

/** Aggregates that give the same result for the same values in the same order. */
export const AGGREGATES = named(`
  count count_star count_if countif min max approx_count_distinct mode
  first last any_value arbitrary list array_agg string_agg group_concat listagg
  arg_min arg_max argmin argmax min_by max_by
  median quantile quantile_cont quantile_disc
  bool_and bool_or bit_and bit_or bit_xor
`);

/** Those of them that return several values from a heap if they get one argument more than these. */
export const HEAPS: ReadonlyMap<string, number> = new Map([
  ...[...named('min max')].map((name) => [name, 1] as const),
  ...[...named('arg_min arg_max argmin argmax min_by max_by')].map((name) => [name, 2] as const),
]);

/** Aggregates that add up: exact for integers and DECIMALs; for other types, if rows are added one by one. */
export const SUMS = named('sum avg mean');

/** Aggregates that calculate with DOUBLE whatever their arguments are. */
export const FLOAT_SUMS = named(`
  product stddev stddev_samp stddev_pop variance var_samp var_pop corr covar_pop
`);

/** Aggregates whose result for distinct values does not depend on their order. */
export const DISTINCT_AGGREGATES = named('count min max bool_and bool_or');

/** Operators that return a vector of values, never a constant one, for a column and a constant. */
export const ARITHMETIC = named('+ - * /');

/** Functions of one row's values. */
export const SCALARS = named(`
  + - * / // % ** ^ || & | << >> ~
  ~~ !~~ ~~* !~~* ~~~ like_escape not_like_escape ilike_escape not_ilike_escape
  abs ceil ceiling floor round trunc sign even sqrt cbrt exp ln log log2 log10 pow power mod fmod gcd lcm pi
  add subtract multiply divide greatest least isnan isinf isfinite hash nullif ifnull typeof
  sin cos tan asin acos atan atan2 radians degrees
  lower upper lcase ucase initcap length len strlen trim ltrim rtrim concat concat_ws substring substr left
  right replace translate reverse repeat lpad rpad contains starts_with prefix suffix ends_with instr strpos
  position split_part string_split str_split split ascii chr md5 sha256 format printf
  regexp_matches regexp_full_match regexp_replace regexp_extract
  date_part datepart date_trunc datetrunc date_diff datediff date_sub datesub date_add time_bucket last_day
  year quarter month week day hour minute second millisecond microsecond weekday weekofyear dayofweek
  dayofmonth dayofyear isodow isoyear yearweek dayname monthname epoch epoch_ms epoch_us epoch_ns
  make_date make_timestamp strftime strptime try_strptime to_timestamp
  to_decades to_years to_quarters to_months to_weeks to_days to_hours to_minutes to_seconds to_milliseconds
  to_microseconds
  list_value list_contains list_has array_contains array_length list_extract list_element array_extract
  list_concat list_position list_slice array_slice list_sort list_reverse_sort
  struct_extract struct_pack row map_extract cardinality
`);

/** Types of which sums are exact. */
export function isExact(type: string): boolean {
  return /^(U?(TINY|SMALL|BIG|HUGE)INT|U?INTEGER|BOOLEAN|BIGNUM|DECIMAL\(.*\))$/.test(type);
}

/** Those of which no sum of some of a partition's values can overflow, either. */
export function isExactInAnyOrder(type: string): boolean {
  return /^(U?(TINY|SMALL|BIG)INT|U?INTEGER|BOOLEAN|DECIMAL\((1?\d|2[0-7]),.*\))$/.test(type);
}

function named(words: string): ReadonlySet<string> {
  return new Set(words.trim().split(/\s+/));
}
