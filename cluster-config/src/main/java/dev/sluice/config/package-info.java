/**
 * HOCON read, checked and turned into settings records: what cannot work is refused here, before anything starts
 * (design, decision 11). No engine, no actors.
 */
package dev.sluice.config;
