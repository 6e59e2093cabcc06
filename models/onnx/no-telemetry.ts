// ONNX Runtime collects data about its use unless it is told not to before it is loaded. Modules that load it
// import this file first.

process.env['ORT_DISABLE_TELEMETRY'] ??= '1';
