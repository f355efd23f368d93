/** What every part of Sluice that writes files does alike: whole files or none, on the disk when a method returns. */
package dev.sluice.protocol.file;
