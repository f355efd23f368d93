/**
 * What a teacher learns from: images in memory and synthetic mixtures, read by index so that a batch is a function of
 * its indices and nothing else.
 */
package dev.sluice.runtime.data;
