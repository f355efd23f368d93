/** What was measured, for people (one HTML page that needs nothing else) and for programs (JSON). */
package dev.sluice.runtime.report;
