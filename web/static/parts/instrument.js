// A telescope with its dome: where they point, how they move, and whether they are well.
import { html } from "../vendor/ui.js";
import { airmass, declination, fixed, rightAscension } from "../format.js";
import { t, word } from "../i18n.js";
import { devicesOf, good } from "../model.js";
import { DomeDrawing, DomeFacts } from "./dome.js";
import { Badge, deviceLevel, Fact, Panel } from "./panel.js";

function motion(telescope) {
  if (good(telescope, "slewing")) return "slewing";
  if (good(telescope, "parked")) return "parked";
  return good(telescope, "tracking") ? "tracking" : "still";
}

function TelescopeFacts({ telescope }) {
  const altitude = good(telescope, "alt_deg");
  const focuser = devicesOf("focuser").find((item) => item.unit === telescope.unit);
  return html`<p class="headline">${word("motion", motion(telescope))}</p>
    <dl class="pairs two">
      <${Fact} label=${t("telescope.ra")} level="full"><span class="figures">${rightAscension(good(telescope, "ra_deg"))}</span></${Fact}>
      <${Fact} label=${t("telescope.dec")} level="full"><span class="figures">${declination(good(telescope, "dec_deg"))}</span></${Fact}>
      <${Fact} label=${t("telescope.alt")} unit="°">${fixed(altitude, 2)}</${Fact}>
      <${Fact} label=${t("telescope.az")} unit="°">${fixed(good(telescope, "az_deg"), 2)}</${Fact}>
      <${Fact} label=${t("telescope.airmass")}>${fixed(airmass(altitude), 2)}</${Fact}>
      <${Fact} label=${t("telescope.cover")}>${word("cover", good(telescope, "cover") ?? "unknown")}</${Fact}>
      ${focuser && html`<${Fact} label=${t("telescope.focus")} unit="µm">${fixed(good(focuser, "position_um"), 0)}${good(focuser, "moving") ? " →" : ""}</${Fact}>
        <${Fact} label=${t("telescope.tube")} unit="°C">${fixed(good(focuser, "temperature_deg_C"), 1)}</${Fact}>`}
    </dl>`;
}

function Health({ device }) {
  return html`<span class="line"><span class="soft">${device.device}</span>
    <${Badge} level=${deviceLevel(device)}>${word("device", device.state)}</${Badge}>
    ${device.running_command && html`<span class="soft">${device.running_command}</span>`}
    ${device.reason && html`<span class="attention">${device.reason}</span>`}</span>`;
}

/** A panel per telescope. */
export function Instruments() {
  const telescopes = devicesOf("telescope");
  if (!telescopes.length) {
    return html`<${Panel} id="telescope" title=${t("telescope.title")} span="span-4"><p class="empty">${t("telescope.none")}</p></${Panel}>`;
  }
  const domes = devicesOf("dome");
  return telescopes.map((telescope) => {
    const dome = domes.find((item) => item.unit === telescope.unit) ?? domes[0];
    const focuser = devicesOf("focuser").filter((item) => item.unit === telescope.unit);
    return html`<${Panel} id=${`telescope-${telescope.unit}`} title=${t("telescope.title")} state=${telescope.unit} span="span-4" key=${telescope.unit}>
      <div class="side-by-side">
        <${DomeDrawing} dome=${dome} telescope=${telescope} />
        <div><${TelescopeFacts} telescope=${telescope} /></div>
      </div>
      <${DomeFacts} dome=${dome} telescope=${telescope} />
      ${good(dome, "closed_by_lease") && html`<p class="attention">▲ ${t("bar.byLease")}</p>`}
      <p class="line health">${[telescope, dome, ...focuser].filter(Boolean).map((device) => html`<${Health} device=${device} />`)}</p>
    </${Panel}>`;
  });
}
