"use strict";
{% include "run_report_data.js" %}
{% include "run_report_wall.js" %}
{% include "run_report_fields.js" %}
{% include "run_report_histograms.js" %}
{% include "run_report_galaxy.js" %}
{% include "run_report_start.js" %}
