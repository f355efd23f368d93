/** Whether a run's records keep the guarantees that docs/guarantees.md lists under "Records". */
package dev.sluice.monitoring.check;
