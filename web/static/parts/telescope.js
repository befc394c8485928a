// The telescope: where it points, whether it tracks, and its small companions (focuser, cover).
import { html } from "../vendor/ui.js";
import { airmass, declination, fixed, rightAscension } from "../format.js";
import { t, word } from "../i18n.js";
import { devicesOf, good } from "../model.js";
import { Badge, deviceLevel, Fact, Panel } from "./panel.js";

function motion(telescope) {
  if (good(telescope, "slewing")) return "slewing";
  if (good(telescope, "parked")) return "parked";
  return good(telescope, "tracking") ? "tracking" : "still";
}

function Focuser({ unit }) {
  const focuser = devicesOf("focuser").find((item) => item.unit === unit);
  if (!focuser) return null;
  return html`<${Fact} label=${t("telescope.focus")} unit="µm">${fixed(good(focuser, "position_um"), 0)}${good(focuser, "moving") ? " →" : ""}</${Fact}>
    <${Fact} label=${t("telescope.tube")} unit="°C">${fixed(good(focuser, "temperature_deg_C"), 1)}</${Fact}>`;
}

/** A panel per telescope. */
export function Telescope() {
  return devicesOf("telescope").map((telescope) => {
    const altitude = good(telescope, "alt_deg");
    return html`<${Panel} id=${`telescope-${telescope.unit}`} title=${t("telescope.title")} state=${telescope.unit} span="span-3">
      <p class="headline">${word("motion", motion(telescope))}</p>
      <dl class="pairs">
        <${Fact} label=${t("telescope.ra")}><span class="figures">${rightAscension(good(telescope, "ra_deg"))}</span></${Fact}>
        <${Fact} label=${t("telescope.dec")}><span class="figures">${declination(good(telescope, "dec_deg"))}</span></${Fact}>
        <${Fact} label=${t("telescope.alt")} unit="°">${fixed(altitude, 2)}</${Fact}>
        <${Fact} label=${t("telescope.az")} unit="°">${fixed(good(telescope, "az_deg"), 2)}</${Fact}>
        <${Fact} label=${t("telescope.airmass")}>${fixed(airmass(altitude), 2)}</${Fact}>
        <${Fact} label=${t("telescope.cover")}>${word("cover", good(telescope, "cover") ?? "unknown")}</${Fact}>
        <${Focuser} unit=${telescope.unit} />
      </dl>
      <p class="line"><${Badge} level=${deviceLevel(telescope)}>${word("device", telescope.state)}</${Badge}>
        ${telescope.running_command && html`<span class="soft">${telescope.running_command}</span>`}
        ${telescope.reason && html`<span>${telescope.reason}</span>`}</p>
    </${Panel}>`;
  });
}
