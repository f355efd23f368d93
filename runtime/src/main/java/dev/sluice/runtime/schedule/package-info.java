/** Forward processes: what share of data and noise a sample at time t has. */
package dev.sluice.runtime.schedule;
