/** Whether a run's records hold together (contracts, R). */
package dev.sluice.monitoring.check;
