/** Making a teacher: flow matching on data. */
package dev.sluice.runtime.teacher;
