/** The frozen teacher: adds its velocity to batches that pass. */
package dev.sluice.actors.teacher;
