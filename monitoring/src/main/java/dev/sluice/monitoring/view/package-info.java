/** Where a run stands, folded from its events once for everybody who asks. */
package dev.sluice.monitoring.view;
