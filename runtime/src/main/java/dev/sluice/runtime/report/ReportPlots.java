package dev.sluice.runtime.report;

import dev.sluice.runtime.evaluation.Measure;
import dev.sluice.runtime.image.SampleSheet;
import java.awt.Color;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.knowm.xchart.BitmapEncoder;
import org.knowm.xchart.CategoryChart;
import org.knowm.xchart.CategoryChartBuilder;
import org.knowm.xchart.XYChart;
import org.knowm.xchart.XYChartBuilder;
import org.knowm.xchart.XYSeries;
import org.knowm.xchart.internal.chartpart.Chart;
import org.knowm.xchart.style.Styler;
import org.knowm.xchart.style.markers.SeriesMarkers;

/** The plots of a report. Each point is one seed, so the spread is seen and not summarised. */
public final class ReportPlots {
    /** Of one plot, in pixels. */
    public static final int WIDTH = 560;

    public static final int HEIGHT = 420;

    private static final Color[] COLORS = {
        new Color(0x55, 0x55, 0x55), new Color(0x1F, 0x5F, 0xAD), new Color(0xB0, 0x3A, 0x2E),
        new Color(0x2E, 0x8B, 0x57), new Color(0xC7, 0x86, 0x12), new Color(0x7A, 0x4E, 0x9F),
        new Color(0x1B, 0x8A, 0x9A), new Color(0x8C, 0x5A, 0x3C)
    };

    private ReportPlots() {}

    /** A plot with its caption. */
    public record Plot(String caption, byte[] png) {}

    /** What there is to be seen in the report: one measure against another, and bars where a bar says more. */
    public static List<Plot> of(Report report) {
        List<Plot> plots = new ArrayList<>();
        scatter(report, Measure.FRECHET_TO_TEACHER, Measure.COVERAGE_OF_TEACHER).ifPresent(plots::add);
        scatter(report, Measure.FRECHET_TO_TEACHER, Measure.COSINE).ifPresent(plots::add);
        scatter(report, Measure.FRECHET_TO_TEACHER, Measure.MULTI_SCALE_DISTANCE)
                .ifPresent(plots::add);
        scatter(report, Measure.PRECISION_TO_TEACHER, Measure.RECALL_TO_TEACHER).ifPresent(plots::add);
        bars(report, Measure.ENERGY).ifPresent(plots::add);
        bars(report, Measure.MODES).ifPresent(plots::add);
        bars(report, Measure.PEAK_MEMORY).ifPresent(plots::add);
        bars(report, Measure.CPU_SECONDS).ifPresent(plots::add);
        return plots;
    }

    /** One measure against another, a point a seed; empty when nothing but references has both. */
    public static Optional<Plot> scatter(Report report, Measure x, Measure y) {
        XYChart chart = new XYChartBuilder()
                .width(WIDTH)
                .height(HEIGHT)
                .xAxisTitle(axis(x))
                .yAxisTitle(axis(y))
                .build();
        style(chart.getStyler());
        chart.getStyler().setDefaultSeriesRenderStyle(XYSeries.XYSeriesRenderStyle.Scatter);
        chart.getStyler().setMarkerSize(11);
        boolean any = false;
        for (int i = 0; i < report.entries().size(); i++) {
            Report.Entry entry = report.entries().get(i);
            double[] xs = entry.values(x);
            double[] ys = entry.values(y);
            // Held-out data are far from any teacher: everything else would be one heap.
            if (entry.kind() == Report.Kind.DATA
                    || xs.length == 0
                    || xs.length != ys.length
                    || !finite(xs)
                    || !finite(ys)) {
                continue;
            }
            any |= entry.kind() == Report.Kind.RUNS;
            XYSeries series = chart.addSeries(entry.name(), xs, ys);
            series.setMarkerColor(COLORS[i % COLORS.length]);
            series.setMarker(entry.kind() == Report.Kind.RUNS ? SeriesMarkers.CIRCLE : SeriesMarkers.DIAMOND);
        }
        return any ? Optional.of(new Plot(x.title() + " and " + y.title(), png(chart))) : Optional.empty();
    }

    /** The means of a measure over the runs, with the range over the seeds as an error bar. */
    public static Optional<Plot> bars(Report report, Measure measure) {
        Map<String, double[]> values = new LinkedHashMap<>();
        for (Report.Entry entry : report.entries()) {
            double[] ofEntry = entry.values(measure);
            if (ofEntry.length > 0 && finite(ofEntry)) {
                values.put(entry.name(), ofEntry);
            }
        }
        if (values.isEmpty()) {
            return Optional.empty();
        }
        CategoryChart chart = new CategoryChartBuilder()
                .width(WIDTH)
                .height(HEIGHT)
                .yAxisTitle(axis(measure))
                .build();
        style(chart.getStyler());
        chart.getStyler().setLegendVisible(false);
        chart.getStyler().setAvailableSpaceFill(0.6);
        chart.getStyler().setYAxisMin(0.0);
        chart.getStyler().setXAxisLabelRotation(values.size() > 4 ? 30 : 0);
        List<Double> means = new ArrayList<>();
        List<Double> spreads = new ArrayList<>();
        values.values().forEach(v -> {
            double mean = Arrays.stream(v).average().orElseThrow();
            means.add(mean);
            spreads.add(Arrays.stream(v)
                    .map(one -> Math.abs(one - mean))
                    .boxed()
                    .max(Comparator.naturalOrder())
                    .orElseThrow());
        });
        chart.addSeries("runs", new ArrayList<>(values.keySet()), means, spreads)
                .setFillColor(COLORS[1]);
        return Optional.of(new Plot(measure.title(), png(chart)));
    }

    private static boolean finite(double[] values) {
        return Arrays.stream(values).allMatch(Double::isFinite);
    }

    private static String axis(Measure measure) {
        return measure.title()
                + switch (measure.better()) {
                    case LOWER -> " (lower is better)";
                    case HIGHER -> " (higher is better)";
                    case AS_TEACHER -> " (as the teacher's is best)";
                    case NEITHER -> "";
                };
    }

    private static void style(Styler styler) {
        styler.setChartBackgroundColor(Color.WHITE);
        styler.setLegendPosition(Styler.LegendPosition.OutsideS);
        styler.setLegendLayout(Styler.LegendLayout.Horizontal);
        styler.setLegendBorderColor(Color.WHITE);
        styler.setAntiAlias(true);
    }

    private static byte[] png(Chart<?, ?> chart) {
        return SampleSheet.png(BitmapEncoder.getBufferedImage(chart));
    }
}
