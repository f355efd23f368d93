/** What the user of a long command sees while it works. */
package dev.sluice.monitoring.progress;
