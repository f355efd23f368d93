/** The actor that owns the run's folder and tells the user how far the run is. */
package dev.sluice.actors.recorder;
