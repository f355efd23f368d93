/**
 * HOCON read, checked and turned into settings records: what cannot work is refused here, before anything starts.
 * No engine, no actors.
 */
package dev.sluice.config;
