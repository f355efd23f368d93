/**
 * The equations of Phased DMD, one function each, on host tensors with coefficients in double; docs/method.md says
 * which is where. Legend of the names: xS stands at the phase's boundary s, xT above it at t,
 * x0 at the data; epsilon is standard normal.
 */
package dev.sluice.runtime.objective;
