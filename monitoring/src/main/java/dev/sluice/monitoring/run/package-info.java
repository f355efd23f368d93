/** What a run leaves behind: its folder and the records in it. */
package dev.sluice.monitoring.run;
