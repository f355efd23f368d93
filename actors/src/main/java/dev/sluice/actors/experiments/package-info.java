/** The experiments of a cluster: begun, listed, ended; and what one start of a run is made of. */
package dev.sluice.actors.experiments;
