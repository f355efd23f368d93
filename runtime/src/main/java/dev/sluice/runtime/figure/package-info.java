/** Figures of the paper, made again from this code: small trainings with exact answers beside them. */
package dev.sluice.runtime.figure;
