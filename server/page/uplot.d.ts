// What the server serves as page/uplot.js: the ES module of the package uplot.
import uPlot from 'uplot';
export default uPlot;
