/** What this process costs the machine. */
package dev.sluice.monitoring.process;
