/** What a run leaves behind: its folder and the records in it (design, "A run's folder"; contracts, R). */
package dev.sluice.monitoring.run;
