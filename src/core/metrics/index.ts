/**
 * Metrics as values, and their text for Prometheus (text exposition format 0.0.4).
 *
 * Counting is done where things happen and arrives here as numbers; this folder only says what a family of metrics is and
 * how it is written. Left out: OpenMetrics and the protobuf format (every scraper still takes 0.0.4), time stamps
 * (the scrape is the time), summaries (histograms can be added up over machines, quantiles cannot).
 */
export {};
