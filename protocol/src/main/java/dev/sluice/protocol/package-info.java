/** Values that every part of Sluice speaks of: immutable, in host memory, free of engine and actor. */
package dev.sluice.protocol;
