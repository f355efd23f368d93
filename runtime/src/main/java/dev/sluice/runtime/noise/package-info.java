/** Counter-based noise: every draw a pure function of what it is for. */
package dev.sluice.runtime.noise;
