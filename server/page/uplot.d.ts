// The server serves the ES module of the package uplot as page/uplot.js.
import uPlot from 'uplot';
export default uPlot;
